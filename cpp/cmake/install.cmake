# Makes find_package(stealscope) work from a wheel, from `cmake --install` and from a moved copy of either.
include(CMakePackageConfigHelpers)

set(cmake_dir "${PFX}lib/cmake/stealscope")
install(TARGETS stealscope_rt EXPORT stealscopeTargets ARCHIVE DESTINATION "${PFX}lib")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/cpp/rt" DESTINATION "${PFX}include" FILES_MATCHING PATTERN "*.hpp")
install(EXPORT stealscopeTargets NAMESPACE stealscope:: DESTINATION "${cmake_dir}")

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/stealscopeConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/stealscopeConfig.cmake" INSTALL_DESTINATION "${cmake_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/stealscopeConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/stealscopeConfig.cmake" "${PROJECT_BINARY_DIR}/stealscopeConfigVersion.cmake"
        DESTINATION "${cmake_dir}")
