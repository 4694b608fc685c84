module rerankmock

go 1.19
