# MynahWarnings.cmake -- the target mynah_warnings: link it (PRIVATE) to every target of ours.
#
# Its options hold in this tree only. It is exported (empty) because a static library's private dependencies are part of
# what it exports.

add_library(mynah_warnings INTERFACE)

set(mynah_warning_options
    -Wall
    -Wextra
    -Wpedantic
    -Wconversion
    -Wsign-conversion
    -Wshadow
    "$<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast>"
    -Wcast-qual
    -Wformat=2
    -Wimplicit-fallthrough)

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # GCC 12 takes a protected destructor for accessible as soon as the class has any friend: Clang's judgement it is.
    list(APPEND mynah_warning_options -Wthread-safety "$<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>")
endif()

if(MYNAH_WERROR)
    list(APPEND mynah_warning_options -Werror)
endif()

target_compile_options(mynah_warnings INTERFACE "$<BUILD_INTERFACE:${mynah_warning_options}>")
