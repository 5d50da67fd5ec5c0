"""Which run trains where and when: queue, jobs, leases, sweeps and their backends."""
