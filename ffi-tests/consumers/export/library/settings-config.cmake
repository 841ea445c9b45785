# SPDX-License-Identifier: MIT OR Apache-2.0
include(CMakeFindDependencyMacro)
find_dependency(hazptr 0.1)
include("${CMAKE_CURRENT_LIST_DIR}/settings-targets.cmake")
