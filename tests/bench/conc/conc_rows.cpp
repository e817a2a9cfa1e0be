#include "tests/bench/conc/conc_rows.hpp"

#include <vector>

#include "tests/bench/conc/row.hpp"

namespace mynah::bench {

std::vector<Row> rows() {
    std::vector<Row> all;
    for (const std::vector<Row>& some : {channel_rows(), task_rows(), sync_rows(), map_rows()}) {
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

}  // namespace mynah::bench
