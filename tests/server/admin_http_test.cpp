#include "server/admin_http.hpp"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/admin_guard.hpp"
#include "server/admin_pages.hpp"

namespace mynah::server {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kHost = "Host: localhost\r\n";

/// Every path has a page that names it.
struct Tested {
    AdminHttp::Answer answer(std::string_view line, std::string_view headers = kHost, bool is_last = false) {
        return http.answer(std::string(line) + "\r\n" + std::string(headers) + "\r\n", "127.0.0.1", is_last);
    }

    AdminHttp http{AdminGuard({}), [](std::string_view path) {
                       return AdminPage{.text = path == "/long" ? std::string(100'000, 'x') : std::string(path)};
                   }};
};

TEST(AdminHttp, AnswersAGetWithThePage) {
    Tested tested;
    const auto answer = tested.answer("GET /readyz HTTP/1.1");
    EXPECT_THAT(answer.bytes, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer.bytes, HasSubstr("Content-Length: 7\r\n"));
    EXPECT_THAT(answer.bytes, HasSubstr("Cache-Control: no-store\r\n"));
    EXPECT_THAT(answer.bytes, EndsWith("\r\n\r\n/readyz"));
    EXPECT_FALSE(answer.closes);
}

TEST(AdminHttp, AQueryIsNoPartOfThePath) {
    Tested tested;
    EXPECT_THAT(tested.answer("GET /readyz?now=1 HTTP/1.1").bytes, EndsWith("\r\n\r\n/readyz"));
}

TEST(AdminHttp, AHeadHasTheLengthAndNoPage) {
    Tested tested;
    const auto answer = tested.answer("HEAD /readyz HTTP/1.1");
    EXPECT_THAT(answer.bytes, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer.bytes, HasSubstr("Content-Length: 7\r\n"));
    EXPECT_THAT(answer.bytes, EndsWith("\r\n\r\n"));
}

TEST(AdminHttp, TheConnectionEndsWhereEitherSideSaysSo) {
    Tested tested;
    EXPECT_TRUE(tested.answer("GET / HTTP/1.0", "").closes);
    EXPECT_TRUE(tested.answer("GET / HTTP/1.1", "Host: localhost\r\nConnection: close\r\n").closes);
    const auto last = tested.answer("GET / HTTP/1.1", kHost, true);
    EXPECT_TRUE(last.closes);
    EXPECT_THAT(last.bytes, HasSubstr("Connection: close\r\n"));
}

TEST(AdminHttp, WhatTheGuardRefusesEndsTheConnection) {
    Tested tested;
    const auto foreign = tested.answer("GET / HTTP/1.1", "Host: evil.example\r\n");
    EXPECT_THAT(foreign.bytes, StartsWith("HTTP/1.1 403 "));
    EXPECT_TRUE(foreign.closes);
    const auto post = tested.answer("POST / HTTP/1.1", "Host: localhost\r\nContent-Length: 5\r\n");
    EXPECT_THAT(post.bytes, StartsWith("HTTP/1.1 405 "));
    EXPECT_THAT(post.bytes, HasSubstr("Allow: GET, HEAD\r\n"));
    EXPECT_TRUE(post.closes);
    const auto body = tested.answer("GET / HTTP/1.1", "Host: localhost\r\nContent-Length: 5\r\n");
    EXPECT_THAT(body.bytes, StartsWith("HTTP/1.1 413 "));
    EXPECT_TRUE(body.closes);
    EXPECT_THAT(tested.answer("GET / HTTP/1.1", "Host: localhost\r\nTransfer-Encoding: chunked\r\n").bytes,
                StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(tested.answer("GET / HTTP/1.1", "Host: localhost\r\nOrigin: http://evil.example\r\n").bytes,
                StartsWith("HTTP/1.1 403 "));
}

TEST(AdminHttp, GarbageIsABadRequestAndEndsTheConnection) {
    Tested tested;
    for (const std::string_view line : {"", "hello", "GET", "GET /", "GET / HTTP/9.9", "\x16\x03\x01\x02"}) {
        const auto answer = tested.answer(line);
        EXPECT_TRUE(answer.closes) << line;
        EXPECT_TRUE(answer.bytes.empty() || answer.bytes.starts_with("HTTP/1.1 4")) << answer.bytes;
    }
}

// Ten thousand parts of a page, or a header that a regular expression recurses over, would cost more than they may.
TEST(AdminHttp, PartsOfAPageAreNotServed) {
    Tested tested;
    std::string many = "Host: localhost\r\nRANGE: bytes=0-";
    while (many.size() < 7'000) {
        many += ",0-";
    }
    many += "\r\nAccept: */*\r\n";
    const auto answer = tested.answer("GET /long HTTP/1.1", many);
    EXPECT_THAT(answer.bytes, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_LT(answer.bytes.size(), 101'000U);
    EXPECT_FALSE(answer.closes);
}

TEST(AdminHttp, AHostMayBeTheAddressThatTheRequestCameInAt) {
    Tested tested;
    const std::string request = "GET /x HTTP/1.1\r\nHost: 192.0.2.1:7008\r\n\r\n";
    EXPECT_THAT(tested.http.answer(request, "192.0.2.1", false).bytes, StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(tested.http.answer(request, "192.0.2.2", false).bytes, StartsWith("HTTP/1.1 403 "));
}

TEST(AdminHttp, ARefusedRequestDoesNotTaintTheNext) {
    Tested tested;
    EXPECT_TRUE(tested.answer("GET / HTTP/1.1", "Host: evil.example\r\n").closes);
    const auto answer = tested.answer("GET / HTTP/1.1");
    EXPECT_THAT(answer.bytes, StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(answer.bytes, Not(HasSubstr("Connection: close")));
    EXPECT_FALSE(answer.closes);
}

TEST(AdminHttp, TooLargeSaysSo) {
    EXPECT_THAT(AdminHttp::too_large(), StartsWith("HTTP/1.1 431 "));
}

}  // namespace
}  // namespace mynah::server
