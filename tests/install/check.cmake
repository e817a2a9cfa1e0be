# Installs BUILD below WORK, builds STRANGER against it with find_package, and compares what STRANGER prints.

set(prefix "${WORK}/prefix")
file(REMOVE_RECURSE "${prefix}" "${WORK}/stranger")

execute_process(
    COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${prefix}" --config "${CONFIG}"
    OUTPUT_QUIET
    COMMAND_ERROR_IS_FATAL ANY)
foreach(file bin/mynahd bin/mynah etc/mynah/mynahd.toml include/mynah/conc/conc.hpp include/mynah/net/address.hpp
    share/man/man1/mynah.1 share/man/man5/mynah-json.5 share/man/man5/mynahd.toml.5 share/man/man8/mynahd.8
    share/bash-completion/completions/mynah share/bash-completion/completions/mynahd
    share/zsh/site-functions/_mynah share/zsh/site-functions/_mynahd
    share/fish/vendor_completions.d/mynah.fish share/fish/vendor_completions.d/mynahd.fish)
    if(NOT EXISTS "${prefix}/${file}")
        message(FATAL_ERROR "not installed: ${file}")
    endif()
endforeach()

set(options "")
if(SANITIZE)
    set(options "-DCMAKE_CXX_FLAGS=-fsanitize=${SANITIZE}")
endif()
execute_process(
    COMMAND "${CMAKE_COMMAND}" -S "${STRANGER}" -B "${WORK}/stranger" -G "${GENERATOR}" "-DCMAKE_PREFIX_PATH=${prefix}"
        "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" "-DCMAKE_BUILD_TYPE=${CONFIG}" ${options}
    COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${WORK}/stranger" COMMAND_ERROR_IS_FATAL ANY)

execute_process(COMMAND "${WORK}/stranger/stranger" OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
set(expected "42\n100\ntcp://127.0.0.1:7007\n")
if(NOT printed STREQUAL expected)
    message(FATAL_ERROR "the stranger's program printed\n${printed}instead of\n${expected}")
endif()

# The installed programs run from where they are now.
foreach(program mynahd mynah)
    execute_process(COMMAND "${prefix}/bin/${program}" --version OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
    message(STATUS "${program} --version: ${printed}")
endforeach()
