-- The sale is over for good: no new holds, and no holds become bookings. Answers: closed
call('HSET', MAIN, 'closed', 1)
keep()
return { 'closed' }
