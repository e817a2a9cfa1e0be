#include "server/worker_loads.hpp"

#include <cstddef>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mynah::server {
namespace {

using testing::ElementsAre;

TEST(WorkerLoads, EqualWorkersTakeTurns) {
    WorkerLoads loads(3);
    std::vector<WorkerLoads::Seat> seats;
    std::vector<std::size_t> order;
    for (int i = 0; i < 7; ++i) {
        seats.push_back(loads.take_least());
        order.push_back(seats.back().worker());
    }
    EXPECT_THAT(order, ElementsAre(0, 1, 2, 0, 1, 2, 0));
    EXPECT_THAT(loads.open(), ElementsAre(3, 2, 2));
}

TEST(WorkerLoads, OnesThatLeftAreReplacedWhereTheyWere) {
    WorkerLoads loads(3);
    std::vector<WorkerLoads::Seat> seats;
    for (int i = 0; i < 9; ++i) {
        seats.push_back(loads.take_least());
    }
    std::erase_if(seats, [](const WorkerLoads::Seat& seat) { return seat.worker() == 1; });
    EXPECT_THAT(loads.open(), ElementsAre(3, 0, 3));
    for (int i = 0; i < 3; ++i) {
        seats.push_back(loads.take_least());
        EXPECT_EQ(seats.back().worker(), 1U);
    }
    EXPECT_THAT(loads.open(), ElementsAre(3, 3, 3));
}

TEST(WorkerLoads, ASeatThatIsMovedIsGivenUpOnce) {
    WorkerLoads loads(2);
    {
        WorkerLoads::Seat first = loads.take(1);
        WorkerLoads::Seat moved = std::move(first);
        EXPECT_THAT(loads.open(), ElementsAre(0, 1));
        moved = loads.take(0);
        EXPECT_THAT(loads.open(), ElementsAre(1, 0));
    }
    EXPECT_THAT(loads.open(), ElementsAre(0, 0));
}

}  // namespace
}  // namespace mynah::server
