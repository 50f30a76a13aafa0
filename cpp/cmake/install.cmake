# Makes find_package(stealscope) work from a wheel, from `cmake --install` and from a moved copy of either.
include(CMakePackageConfigHelpers)

set(cmake_dir "${PFX}lib/cmake/stealscope")
install(TARGETS stealscope_rt EXPORT stealscopeTargets ARCHIVE DESTINATION "${PFX}lib")
# Left for the time of the install: what a header includes may have changed since the last configuration.
install(CODE "set(source \"${PROJECT_SOURCE_DIR}/cpp\")\nset(destination \"\${CMAKE_INSTALL_PREFIX}/${PFX}include\")")
install(SCRIPT "${CMAKE_CURRENT_LIST_DIR}/public_headers.cmake")
install(EXPORT stealscopeTargets NAMESPACE stealscope:: DESTINATION "${cmake_dir}")

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/stealscopeConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/stealscopeConfig.cmake" INSTALL_DESTINATION "${cmake_dir}")
# Before 1.0 a minor version may change what programs use; from then on only a major one may.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(compatibility SameMinorVersion)
else()
  set(compatibility SameMajorVersion)
endif()
write_basic_package_version_file("${PROJECT_BINARY_DIR}/stealscopeConfigVersion.cmake" COMPATIBILITY ${compatibility})
install(FILES "${PROJECT_BINARY_DIR}/stealscopeConfig.cmake" "${PROJECT_BINARY_DIR}/stealscopeConfigVersion.cmake"
        DESTINATION "${cmake_dir}")
