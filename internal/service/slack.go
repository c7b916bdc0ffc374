package service

import "time"

// timerSlack is how late the kernel may end a sleep of this process: the
// millisecond that Go's own timers count in while nothing runs.
const timerSlack = time.Millisecond
