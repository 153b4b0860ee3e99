-- Ends holds that are due. ARGV: how many at most. Answers: swept, how many
local swept = sweep(tonumber(ARGV[1]))
announce()
return { 'swept', swept }
