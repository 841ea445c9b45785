# SPDX-License-Identifier: MIT OR Apache-2.0
# plugin.c opens a plug-in that is nothing but a static copy of the engine, and one with inlined
# readers.
add_library(plugin-with-engine MODULE plugin-with-engine.c)
target_link_libraries(plugin-with-engine PRIVATE -Wl,--whole-archive hazptr_static
                                                 -Wl,--no-whole-archive)
add_library(plugin-inlined MODULE plugin-inlined.c)
target_compile_definitions(plugin-inlined PRIVATE HAZPTR_INLINE)
target_link_libraries(plugin-inlined PRIVATE hazptr_shared)
hazptr_test(plugin LIBS ${CMAKE_DL_LIBS})
foreach(target plugin plugin-cxx plugin-inline)
  if(NOT TARGET ${target})
    continue()
  endif()
  target_compile_definitions(${target} PRIVATE
    PLUGIN_WITH_ENGINE="$<TARGET_FILE:plugin-with-engine>"
    PLUGIN_INLINED="$<TARGET_FILE:plugin-inlined>")
  add_dependencies(${target} plugin-with-engine plugin-inlined)
endforeach()
