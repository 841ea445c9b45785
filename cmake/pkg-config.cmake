# SPDX-License-Identifier: MIT OR Apache-2.0
# Writes and installs the files for pkg-config: part of the installation, see install.cmake.

# hazptr_install_pc(FROM TO VERSION LIBDIR INCLUDEDIR SUBDIR NAMES...): of the templates in FROM, made in
# TO, installed in LIBDIR/SUBDIR. A function, for the scripts of a whole project's installation have
# their variables in common.
function(hazptr_install_pc from to PROJECT_VERSION libdir includedir subdir)
  set(destination "${libdir}/${subdir}")
  cmake_path(ABSOLUTE_PATH destination BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}")
  # pkg-config leaves out directories where every compiler looks anyway, and knows them by their
  # plain names. Elsewhere the prefix can be moved.
  set(prefix "${CMAKE_INSTALL_PREFIX}")
  if(NOT prefix STREQUAL /usr AND NOT IS_ABSOLUTE "${libdir}")
    file(RELATIVE_PATH prefix "/${libdir}/${subdir}" /)
    string(REGEX REPLACE "/$" "" prefix "\${pcfiledir}/${prefix}")
  endif()
  foreach(directory libdir includedir)
    if(NOT IS_ABSOLUTE "${${directory}}")
      string(PREPEND ${directory} "\${prefix}/")
    endif()
  endforeach()
  foreach(pc IN LISTS ARGN)
    configure_file("${from}/${pc}.in" "${to}/${pc}" @ONLY)
    file(INSTALL "${to}/${pc}" DESTINATION "${destination}")
  endforeach()
endfunction()
