#include "server/admin_pages.hpp"

#include <atomic>
#include <cstddef>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/session_record.hpp"

namespace mynah::server {
namespace {

using testing::HasSubstr;

struct Pages {
    std::atomic<DrainPhase> phase{DrainPhase::serving};
    std::size_t tasks = 3;
    int dumps = 0;
    AdminPages pages{{.phase = phase,
                      .metrics = [] { return std::string("numbers\n"); },
                      .count_tasks = [this] { return tasks; },
                      .dump_tasks =
                          [this] {
                              ++dumps;
                              return std::string("task 1\n");
                          },
                      .version = "mynahd 1.2.3"}};
};

TEST(AdminPages, HealthIsOkInEveryPhaseAndReadinessOnlyWhileServing) {
    Pages tested;
    EXPECT_EQ(tested.pages.page("/readyz").status, 200);
    EXPECT_EQ(tested.pages.page("/readyz").text, "serving\n");
    for (const DrainPhase phase :
         {DrainPhase::not_ready, DrainPhase::draining, DrainPhase::closing, DrainPhase::stopped}) {
        tested.phase = phase;
        const AdminPage ready = tested.pages.page("/readyz");
        EXPECT_EQ(ready.status, 503);
        EXPECT_EQ(ready.text, std::string(to_string(phase)) + "\n");
        EXPECT_EQ(tested.pages.page("/healthz").status, 200);
        EXPECT_EQ(tested.pages.page("/healthz").text, "ok\n");
    }
}

TEST(AdminPages, MetricsAreOfTheTypeThatPrometheusExpects) {
    Pages tested;
    const AdminPage page = tested.pages.page("/metrics");
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.text, "numbers\n");
    EXPECT_THAT(page.type, HasSubstr("text/plain; version=0.0.4"));
}

TEST(AdminPages, TasksAreDumpedOnceInASecondAtMost) {
    Pages tested;
    EXPECT_EQ(tested.pages.page("/tasks").text, "task 1\n");
    EXPECT_EQ(tested.pages.page("/tasks").status, 429);
    EXPECT_EQ(tested.dumps, 1);
}

TEST(AdminPages, TasksAreNotDumpedWhereTheyAreTooMany) {
    Pages tested;
    tested.tasks = AdminPages::kMostTasks + 1;
    const AdminPage page = tested.pages.page("/tasks");
    EXPECT_EQ(page.status, 503);
    EXPECT_THAT(page.text, HasSubstr("20001 tasks"));
    EXPECT_EQ(tested.dumps, 0);
    tested.tasks = AdminPages::kMostTasks;
    EXPECT_EQ(tested.pages.page("/tasks").status, 200);
}

TEST(AdminPages, TheFirstPageNamesTheOthersAndTheVersion) {
    Pages tested;
    const AdminPage page = tested.pages.page("/");
    EXPECT_EQ(page.status, 200);
    EXPECT_THAT(page.type, HasSubstr("text/html"));
    for (const char* part : {"mynahd 1.2.3", "/healthz", "/readyz", "/metrics", "/tasks"}) {
        EXPECT_THAT(page.text, HasSubstr(part));
    }
}

TEST(AdminPages, WhateverElseIsNotFound) {
    Pages tested;
    for (const char* path : {"", "/readyz/", "/Healthz", "//", "/../etc/passwd"}) {
        EXPECT_EQ(tested.pages.page(path).status, 404) << path;
    }
}

}  // namespace
}  // namespace mynah::server
