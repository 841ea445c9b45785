# SPDX-License-Identifier: MIT OR Apache-2.0
# What is installed for programs to be built with: headers, libraries, and the package files. These
# find the library from where they themselves are, so that the prefix can be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(FILES include/hazptr.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/hazptr DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(PROGRAMS ${hazptr_so} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${hazptr_a} ${hazptr_lib_dir}/libhazptr.so
              ${hazptr_lib_dir}/libhazptr.so.${PROJECT_VERSION_MAJOR}
        DESTINATION ${CMAKE_INSTALL_LIBDIR})

# --- pkg-config ----------------------------------------------------------------------------------

set(hazptr_pc_dir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH hazptr_include_from_pc ${hazptr_pc_dir} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
file(RELATIVE_PATH hazptr_prefix_from_pc ${hazptr_pc_dir} ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" hazptr_prefix_from_pc ${hazptr_prefix_from_pc})
foreach(pc hazptr.pc hazptr-inline.pc)
  configure_file(pkgconfig/${pc}.in ${pc} @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${pc} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

# --- find_package --------------------------------------------------------------------------------

set(hazptr_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hazptr)
configure_package_config_file(cmake/hazptr-config.cmake.in hazptr-config.cmake
  INSTALL_DESTINATION ${hazptr_cmake_dir}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
# A minor version adds, a major one changes: as the soname does.
write_basic_package_version_file(hazptr-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/hazptr-config.cmake
              ${PROJECT_BINARY_DIR}/hazptr-config-version.cmake
              cmake/hazptr-targets.cmake
        DESTINATION ${hazptr_cmake_dir})
