module github.com/gardener/terminal-controller-manager

go 1.26.0
