"""The trainer: data on the device, schedule, objective, checkpoint, and several processes that share a batch."""
