# SPDX-License-Identifier: MIT OR Apache-2.0
# copies.c: the program has the static library, the library that it needs has the shared one.
add_library(copies-vendor SHARED copies-vendor.c)
target_link_libraries(copies-vendor PRIVATE hazptr_shared ${CMAKE_DL_LIBS})
target_link_options(copies-vendor PRIVATE -Wl,--no-as-needed)
add_executable(copies copies.c)
target_link_libraries(copies PRIVATE hazptr_static copies-vendor Threads::Threads)
foreach(surroundings rseq membarrier fence nolines debug)
  hazptr_run(shared/copies copies ${surroundings} FALSE 60)
endforeach()
