# SPDX-License-Identifier: MIT OR Apache-2.0
# plugin.c opens a plug-in that is nothing but a static copy of the engine.
add_library(plugin-with-engine MODULE plugin-with-engine.c)
target_link_libraries(plugin-with-engine PRIVATE -Wl,--whole-archive hazptr_static
                                                 -Wl,--no-whole-archive)
hazptr_test(plugin LIBS ${CMAKE_DL_LIBS})
foreach(target plugin plugin-cxx)
  target_compile_definitions(${target} PRIVATE PLUGIN="$<TARGET_FILE:plugin-with-engine>")
  add_dependencies(${target} plugin-with-engine)
endforeach()
