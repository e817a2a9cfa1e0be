module mynah/bench/go_rows

go 1.19
