
#include "client/command_line.hpp"

#include <string>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/compare/options.hpp"
#include "client/exit_status.hpp"

namespace mynah::client::compare {
namespace {

using testing::HasSubstr;

TEST(CompareCommandLine, FilesAndFlagsReachTheirPlaces) {
    const auto command = parse_command_line({"compare", "a.json", "b.json", "--threshold", "2.5%", "--json", "c.json"});
    ASSERT_TRUE(command);
    const auto* options = std::get_if<Options>(&*command);
    ASSERT_NE(options, nullptr);
    EXPECT_EQ(options->before, "a.json");
    EXPECT_EQ(options->after, "b.json");
    EXPECT_DOUBLE_EQ(options->threshold, 0.025);
    EXPECT_EQ(options->json_path, "c.json");
    EXPECT_DOUBLE_EQ(std::get<Options>(*parse_command_line({"compare", "a", "b"})).threshold, 0.10);
    EXPECT_DOUBLE_EQ(std::get<Options>(*parse_command_line({"compare", "a", "b", "--threshold", "5"})).threshold, 0.05);
}

TEST(CompareCommandLine, MistakesAreOneLine) {
    const auto mistake = [](const std::vector<std::string>& arguments) {
        const auto command = parse_command_line(arguments);
        EXPECT_FALSE(command);
        EXPECT_EQ(command.error().status, ExitStatus::usage);
        return command.error().error;
    };
    for (const char* threshold : {"", "%", "0%", "-5%", "1001%", "ten", "nan", "inf", "10%%"}) {
        EXPECT_THAT(mistake({"compare", "a", "b", std::string("--threshold=") + threshold}), HasSubstr("--threshold"))
            << threshold;
    }
    EXPECT_THAT(mistake({"compare", "a"}), HasSubstr("AFTER.json is required"));
    EXPECT_THAT(mistake({"compare", "a", "b", "c"}), HasSubstr("unexpected argument \"c\""));
}

}  // namespace
}  // namespace mynah::client::compare
