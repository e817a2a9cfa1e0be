// wire_number.hpp -- whole numbers in a datagram: the most significant byte first, as in the headers of IP.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

namespace mynah::client {

/// Writes `value` over the first bytes of `place`, which must have room for it.
template <std::unsigned_integral T>
void put_number(std::span<std::byte> place, T value) noexcept {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        place[i] = static_cast<std::byte>(value >> (8 * (sizeof(T) - 1 - i)));
    }
}

template <std::unsigned_integral T>
T get_number(std::span<const std::byte> place) noexcept {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        value = static_cast<T>(value << 8U) | std::to_integer<T>(place[i]);
    }
    return value;
}

}  // namespace mynah::client
