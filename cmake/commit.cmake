# Writes OUTPUT with the commit of SOURCE_DIR; leaves it alone when that has not changed, so that nothing is rebuilt.
cmake_minimum_required(VERSION 3.25)
set(commit "")
execute_process(COMMAND git -C ${SOURCE_DIR} describe --always --dirty --exclude=* OUTPUT_VARIABLE commit
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define SEQTAPE_COMMIT \"@commit@\"\n" @ONLY)
