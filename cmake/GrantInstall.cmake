# What `cmake --install` puts where, so that find_package(Grant COMPONENTS …) finds it.

include(CMakePackageConfigHelpers)
set(grant_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Grant)
set(grant_needs)  # Lines of GrantConfig.cmake.

# grant_install(<component> [NEEDS <find_package arguments>...] [MODULES <pkg-config module>...]
# [HEADER <file>]): installs the library of one component. NEEDS are the packages that it links, a
# string each, MODULES those that only pkg-config knows, and HEADER is of a library that nothing
# knows: its users find all of them too.
function(grant_install component)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "HEADER" "NEEDS;MODULES")
  install(TARGETS grant_${component} EXPORT grant_${component}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT grant_${component} FILE ${component}.cmake NAMESPACE grant::
    DESTINATION ${grant_package_dir}/components)
  string(APPEND grant_needs "set(Grant_${component}_needs \"${arg_NEEDS}\")\n"
    "set(Grant_${component}_modules \"${arg_MODULES}\")\n"
    "set(Grant_${component}_header \"${arg_HEADER}\")\n")
  set(grant_needs "${grant_needs}" PARENT_SCOPE)
endfunction()

grant_install(grant NEEDS "Threads" "fmt" "nlohmann_json 3.11")
if(GRANT_ASIO)
  grant_install(asio NEEDS "Threads" HEADER asio.hpp)
endif()
if(GRANT_MARIADB)
  grant_install(mariadb NEEDS "OpenSSL" MODULES "libmariadb>=3.3")
endif()
if(GRANT_POSTGRES)
  grant_install(postgres NEEDS "PostgreSQL")
endif()
if(GRANT_SQLITE)
  grant_install(sqlite NEEDS "SQLite3 3.37")
endif()

install(DIRECTORY include/grant DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.hpp)

configure_package_config_file(cmake/GrantConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/GrantConfig.cmake
  INSTALL_DESTINATION ${grant_package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/GrantConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/GrantConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/GrantConfigVersion.cmake DESTINATION ${grant_package_dir})
