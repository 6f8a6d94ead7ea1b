# `cmake --install` puts the program, the libraries and headers in place; `find_package(seqtape)` finds them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS seqtape RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS seqtape_options seqtape_core seqtape_autograd seqtape_models seqtape_formats seqtape_readers
  seqtape_tokenizer seqtape_data
  EXPORT seqtape-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(folder core autograd models data)
  install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/seqtape FILES_MATCHING PATTERN "*.h")
endforeach()
install(EXPORT seqtape-targets NAMESPACE seqtape:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/seqtape)
configure_package_config_file(cmake/seqtape-config.cmake.in seqtape-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/seqtape)
write_basic_package_version_file(seqtape-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/seqtape-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/seqtape-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/seqtape)
