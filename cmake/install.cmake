# SPDX-License-Identifier: MIT OR Apache-2.0
# What is installed for programs to be built with: headers, libraries, and the package files. These
# find the library from where they themselves are, so that the prefix can be moved, but for those of
# pkg-config in /usr.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(FILES include/hazptr.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/hazptr DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        PATTERN urcu*.h EXCLUDE)
install(PROGRAMS ${hazptr_so} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${hazptr_a} ${hazptr_lib_dir}/libhazptr.so
              ${hazptr_lib_dir}/libhazptr.so.${PROJECT_VERSION_MAJOR}
        DESTINATION ${CMAKE_INSTALL_LIBDIR})
# In a project around this one CMAKE_INSTALL_DOCDIR is that of the project, with its own licences.
set(doc_dir ${CMAKE_INSTALL_DOCDIR})
if(NOT PROJECT_IS_TOP_LEVEL)
  set(doc_dir ${CMAKE_INSTALL_DATAROOTDIR}/doc/hazptr)
endif()
install(FILES LICENSE-MIT LICENSE-APACHE THIRD-PARTY DESTINATION ${doc_dir})

file(GLOB hazptr_man3 CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.3)
install(FILES ${hazptr_man3} DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)
install(FILES man/hazptr.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7)

# --- gdb ------------------------------------------------------------------------------------------

install(SCRIPT cmake/gdb.cmake)
install(CODE "hazptr_install_gdb([==[${PROJECT_SOURCE_DIR}/gdb/hazptr-gdb.py]==]
  libhazptr.so.${PROJECT_VERSION} [==[${CMAKE_INSTALL_LIBDIR}]==] [==[${CMAKE_INSTALL_DATADIR}]==])")

# --- pkg-config ----------------------------------------------------------------------------------

# Not before the installation is the prefix known: cmake --install --prefix.
set(arguments)
foreach(argument ${PROJECT_SOURCE_DIR}/pkgconfig ${PROJECT_BINARY_DIR} ${PROJECT_VERSION}
                 ${CMAKE_INSTALL_LIBDIR} ${CMAKE_INSTALL_INCLUDEDIR})
  string(APPEND arguments " [==[${argument}]==]")
endforeach()
install(SCRIPT cmake/pkg-config.cmake)
install(CODE "hazptr_install_pc(${arguments} pkgconfig hazptr.pc hazptr-inline.pc)")
if(HAZPTR_URCU)
  install(CODE "hazptr_install_pc(${arguments} pkgconfig hazptr-urcu.pc)")
  # Asked for by PKG_CONFIG_PATH: who links with liburcu gets this one.
  install(CODE "hazptr_install_pc(${arguments} hazptr-urcu/pkgconfig liburcu.pc liburcu-bp.pc liburcu-memb.pc)")
endif()

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
