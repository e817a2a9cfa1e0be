# MynahTests.cmake -- mynah_add_tests(<name> SOURCES <file>... [LIBRARIES <target>...] [TIMEOUT <seconds>]
#                                     [PROPERTIES <property> <value>...])
#
# Makes the test program <name> and registers each of its tests with CTest, labelled <name>. tests/support brings main().
# TIMEOUT (120 unless told) is per test; PROPERTIES are CTest's, for every test of the program (RUN_SERIAL TRUE, say).

include_guard(GLOBAL)
include(GoogleTest)
find_package(GTest REQUIRED)

function(mynah_add_tests name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;LIBRARIES;PROPERTIES")
    if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
        message(FATAL_ERROR "mynah_add_tests(${name}): SOURCES missing, or unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()

    add_executable(${name} ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} mynah_test_support GTest::gmock mynah_warnings)

    # Tests are listed when CTest starts, not when the program is linked: a build never runs what it built.
    gtest_discover_tests(${name}
        DISCOVERY_MODE PRE_TEST
        DISCOVERY_TIMEOUT 120
        NO_PRETTY_VALUES
        PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS ${name} ${arg_PROPERTIES})
endfunction()
