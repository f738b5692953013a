package resp

func playRole(role string) int { return 2 }
