# What `cmake --install` puts where, and how other projects find it there: by find_package(coproc), or by pkg-config.
# Everything is relative to where it stands, so that an installed tree can be moved.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/coproc)

set_target_properties(coproc_headers PROPERTIES EXPORT_NAME headers)
install(TARGETS coproc coproc_headers EXPORT coproc_targets)
install(TARGETS coproc_agent_program)
if(TARGET coproc_command)
  install(TARGETS coproc_command)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/coproc/serve/third_party/uplot/LICENSE
          DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME LICENSE.uplot)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/coproc DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/src/agent/LICENSE.openssl
        DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT coproc_targets FILE coproc-targets.cmake NAMESPACE coproc:: DESTINATION ${package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/coproc-config.cmake.in
  ${PROJECT_BINARY_DIR}/coproc-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/coproc-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/coproc-config.cmake ${PROJECT_BINARY_DIR}/coproc-config-version.cmake
        DESTINATION ${package_dir})

# The .pc file finds the rest from where it stands itself, unless a distribution gives absolute directories.
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
  set(PC_PREFIX ${CMAKE_INSTALL_PREFIX})
  set(PC_LIBDIR ${CMAKE_INSTALL_FULL_LIBDIR})
  set(PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
  file(RELATIVE_PATH PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  string(PREPEND PC_PREFIX "\${pcfiledir}/")
  set(PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/coproc.pc.in ${PROJECT_BINARY_DIR}/coproc.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/coproc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
