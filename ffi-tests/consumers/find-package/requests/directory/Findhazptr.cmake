# SPDX-License-Identifier: MIT OR Apache-2.0
message(FATAL_ERROR "CMAKE_FIND_PACKAGE_PREFER_CONFIG does not keep this module out")
