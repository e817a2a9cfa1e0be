// conc.hpp -- everything public, but for use_task.hpp and leak_check.hpp, which bring Asio and GoogleTest with them.
#pragma once

#include "conc/blocking.hpp"        // IWYU pragma: export
#include "conc/channel.hpp"         // IWYU pragma: export
#include "conc/concurrent_map.hpp"  // IWYU pragma: export
#include "conc/cond.hpp"            // IWYU pragma: export
#include "conc/context.hpp"         // IWYU pragma: export
#include "conc/event_source.hpp"    // IWYU pragma: export
#include "conc/go.hpp"              // IWYU pragma: export
#include "conc/hog.hpp"             // IWYU pragma: export
#include "conc/mutex.hpp"           // IWYU pragma: export
#include "conc/once.hpp"            // IWYU pragma: export
#include "conc/panic.hpp"           // IWYU pragma: export
#include "conc/resume_on.hpp"       // IWYU pragma: export
#include "conc/rw_mutex.hpp"        // IWYU pragma: export
#include "conc/scheduler.hpp"       // IWYU pragma: export
#include "conc/select.hpp"          // IWYU pragma: export
#include "conc/select_case.hpp"     // IWYU pragma: export
#include "conc/semaphore.hpp"       // IWYU pragma: export
#include "conc/side_thread.hpp"     // IWYU pragma: export
#include "conc/sleep.hpp"           // IWYU pragma: export
#include "conc/task.hpp"            // IWYU pragma: export
#include "conc/task_group.hpp"      // IWYU pragma: export
#include "conc/task_info.hpp"       // IWYU pragma: export
#include "conc/timer.hpp"           // IWYU pragma: export
#include "conc/wait_group.hpp"      // IWYU pragma: export
