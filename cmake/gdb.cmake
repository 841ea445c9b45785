# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs the script for gdb where gdb looks for it by itself, if it trusts the place: by the library's
# path. Part of the installation, see install.cmake.

# hazptr_install_gdb(SCRIPT LIBRARY LIBDIR DATADIR): a function, as in pkg-config.cmake.
function(hazptr_install_gdb script library libdir datadir)
  set(prefix "${CMAKE_INSTALL_PREFIX}")
  cmake_path(ABSOLUTE_PATH prefix)
  foreach(directory libdir datadir)
    cmake_path(ABSOLUTE_PATH ${directory} BASE_DIRECTORY "${prefix}")
  endforeach()
  file(INSTALL DESTINATION "${datadir}/gdb/auto-load${libdir}" TYPE FILE FILES "${script}"
       RENAME ${library}-gdb.py)
endfunction()
