// oneTBB's side of conc_bench: its concurrent map, on threads.
#include <cstdint>
#include <vector>

#include <oneapi/tbb/concurrent_hash_map.h>

#include "tests/bench/conc/row.hpp"
#include "tests/bench/peers/on_threads.hpp"

namespace mynah::bench {
namespace {

class TbbMap {
  public:
    std::uint64_t load(std::uint64_t key) const {
        Values::const_accessor found;  // holds a lock on the entry
        return values_.find(found, key) ? found->second : 0;
    }
    void store(std::uint64_t key, std::uint64_t value) {
        Values::accessor entry;
        values_.insert(entry, key);
        entry->second = value;
    }

  private:
    using Values = tbb::concurrent_hash_map<std::uint64_t, std::uint64_t>;
    Values values_;
};

}  // namespace

std::vector<Row> rows() {
    return {
        row<map_mix<TbbMap, 90>>("map_90_10"),
        row<map_mix<TbbMap, 50>>("map_50_50"),
        row<map_mix<TbbMap, 10>>("map_10_90"),
    };
}

}  // namespace mynah::bench
