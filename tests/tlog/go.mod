module actarium.test/tlog

go 1.22
