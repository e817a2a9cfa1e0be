# MynahInstall.cmake -- what `cmake --install` puts where, and the package that find_package(mynah) finds.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(mynah_header_folder "${CMAKE_INSTALL_INCLUDEDIR}/mynah")
set(mynah_package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/mynah")

set_target_properties(mynah_conc PROPERTIES EXPORT_NAME conc)
set_target_properties(mynah_net PROPERTIES EXPORT_NAME net)
set_target_properties(mynah_warnings PROPERTIES EXPORT_NAME warnings)

install(TARGETS mynah_conc mynah_net mynah_warnings
    EXPORT mynah-targets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    INCLUDES DESTINATION "${mynah_header_folder}")
install(EXPORT mynah-targets NAMESPACE mynah:: DESTINATION "${mynah_package_folder}")

# Internal headers go along: the public templates include them.
foreach(room conc net)
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/${room}" DESTINATION "${mynah_header_folder}" FILES_MATCHING PATTERN "*.hpp")
endforeach()

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/mynah-config.cmake.in"
    "${PROJECT_BINARY_DIR}/mynah-config.cmake"
    INSTALL_DESTINATION "${mynah_package_folder}")
# Before 1.0 a new minor version may change the interface.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/mynah-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/mynah-config.cmake" "${PROJECT_BINARY_DIR}/mynah-config-version.cmake"
    DESTINATION "${mynah_package_folder}")

install(TARGETS mynahd mynah RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(FILES "${PROJECT_SOURCE_DIR}/config/mynahd.toml" DESTINATION "${CMAKE_INSTALL_SYSCONFDIR}/mynah")
foreach(page client/man/mynah.1 client/man/mynah-json.5 server/man/mynahd.8 server/man/mynahd.toml.5)
    string(REGEX MATCH "[1-8]$" section "${page}")
    install(FILES "${PROJECT_SOURCE_DIR}/${page}" DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
endforeach()

# Where each shell looks for the completions of programs that it meets. A shell names them as it likes.
foreach(program client/completions/mynah server/completions/mynahd)
    get_filename_component(name "${program}" NAME)
    install(FILES "${PROJECT_SOURCE_DIR}/${program}.bash"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" RENAME "${name}")
    install(FILES "${PROJECT_SOURCE_DIR}/${program}.zsh"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions" RENAME "_${name}")
    install(FILES "${PROJECT_SOURCE_DIR}/${program}.fish"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d" RENAME "${name}.fish")
endforeach()

install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/README.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
