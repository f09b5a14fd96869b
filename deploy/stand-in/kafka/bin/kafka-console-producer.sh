#!/bin/sh
exec java -cp '/opt/kafka/libs/*' -Dlog4j2.level=OFF org.apache.kafka.tools.ConsoleProducer "$@"
