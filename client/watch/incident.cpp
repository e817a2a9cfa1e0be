#include "client/watch/incident.hpp"

#include <string_view>

namespace mynah::client::watch {

std::string_view name_of(IncidentKind kind) noexcept {
    switch (kind) {
        case IncidentKind::unacknowledged:
            return "unacknowledged";
        case IncidentKind::reset:
            return "reset";
        case IncidentKind::silent:
            return "silent";
        case IncidentKind::corrupted:
            return "corrupted";
        case IncidentKind::duplicated:
            return "duplicated";
        case IncidentKind::misdelivered:
            return "misdelivered";
        case IncidentKind::reordered:
            return "reordered";
        case IncidentKind::foreign:
            return "foreign";
        case IncidentKind::late:
            return "late";
    }
    return "unknown";
}

}  // namespace mynah::client::watch
