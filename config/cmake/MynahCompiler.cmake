# MynahCompiler.cmake -- what every target of this tree is compiled and linked with.

# Checks of invariants stay on in release builds.
foreach(config RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${config} "${CMAKE_C_FLAGS_${config}}")
    string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_${config} "${CMAKE_CXX_FLAGS_${config}}")
endforeach()

# File names in task dumps and debug information are relative to the repository's root, in every clone alike. The second
# form is what a compiler sees behind ccache with CCACHE_BASEDIR, which makes paths relative to the build folder.
file(RELATIVE_PATH root_from_build "${PROJECT_BINARY_DIR}" "${PROJECT_SOURCE_DIR}")
string(REGEX REPLACE "/+$" "" root_from_build "${root_from_build}")
add_compile_options("-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=" "-ffile-prefix-map=${root_from_build}/=")

if(MYNAH_SANITIZE)
    set(sanitizer_options "-fsanitize=${MYNAH_SANITIZE}" -fno-sanitize-recover=all -fno-omit-frame-pointer)
    if(MYNAH_SANITIZE MATCHES "undefined")
        # This check opens a pipe to probe memory, and takes a refusal for a wrong type: the tests that use up every
        # descriptor would fail with it.
        list(APPEND sanitizer_options -fno-sanitize=vptr)
    endif()
    add_compile_options(${sanitizer_options})
    add_link_options(${sanitizer_options})
endif()
