// net.hpp -- everything public of net.
#pragma once

#include "net/address.hpp"         // IWYU pragma: export
#include "net/connect.hpp"         // IWYU pragma: export
#include "net/crc32c.hpp"          // IWYU pragma: export
#include "net/datagram.hpp"        // IWYU pragma: export
#include "net/datagram_batch.hpp"  // IWYU pragma: export
#include "net/descriptor.hpp"      // IWYU pragma: export
#include "net/driver.hpp"          // IWYU pragma: export
#include "net/lease.hpp"           // IWYU pragma: export
#include "net/listener.hpp"        // IWYU pragma: export
#include "net/operation.hpp"       // IWYU pragma: export
#include "net/probe_frame.hpp"     // IWYU pragma: export
#include "net/probe_stream.hpp"    // IWYU pragma: export
#include "net/readable.hpp"        // IWYU pragma: export
#include "net/resolve.hpp"         // IWYU pragma: export
#include "net/result.hpp"          // IWYU pragma: export
#include "net/signals.hpp"         // IWYU pragma: export
#include "net/socket_options.hpp"  // IWYU pragma: export
#include "net/split_mix.hpp"       // IWYU pragma: export
#include "net/stream.hpp"          // IWYU pragma: export
#include "net/wait_readable.hpp"   // IWYU pragma: export
