public import JSONText
import Verification

extension RunPlan {
  /// The plan as a JSON object, the one that `autoround plan --json` prints.
  public var json: JSONValue {
    [
      "model": .string(model), "architecture": .string(architecture), "scheme": .string(scheme),
      "source_storage": sourceStorage.map(JSONValue.string) ?? .null,
      "layers": .array(
        layers.map {
          [
            "name": .string($0.name), "shape": .array($0.shape.map { JSONValue($0) }),
            "scheme": .string($0.scheme), "bytes": JSONValue($0.byteCount),
            "bits_per_weight": JSONValue($0.bitsPerWeight),
          ]
        }),
      "kept": .array(
        keptTensors.map {
          [
            "name": .string($0.name), "stored_as": .string($0.storage),
            "bytes": JSONValue($0.byteCount), "reason": .string($0.reason),
          ]
        }),
      "files": .array(files.map(\.json)), "outputs": .array(outputs.map(\.json)),
      "bytes": JSONValue(byteCount), "source_bytes": JSONValue(sourceByteCount),
      "tensor_bytes": JSONValue(tensorByteCount), "bits_per_weight": JSONValue(first.bitsPerWeight),
      "bits_per_parameter": JSONValue(first.bitsPerParameter),
      "bits_per_parameter_without_embeddings": JSONValue(first.bitsPerParameterWithoutEmbeddings),
      "memory": memory.json, "portions": JSONValue(portionCount),
      "free_memory_bytes": freeMemoryByteCount.map { JSONValue($0) } ?? .null,
      "scratch_bytes": JSONValue(scratchByteCount),
      "disk_bytes": JSONValue(diskByteCount),
      "free_disk_bytes": freeDiskByteCount.map { JSONValue($0) } ?? .null,
      "shortages": .array(shortages.map(JSONValue.string)), "time": time?.json ?? .null,
      "tensor_parallel_sizes": .array(first.tensorParallelSizes.map { JSONValue($0) }),
      "runtimes": .array(first.runtimes.map(\.json)),
      "warnings": .array(warnings.map(JSONValue.string)),
    ]
  }
}

extension RunPlan.File {
  fileprivate var json: JSONValue { ["name": .string(name), "bytes": JSONValue(byteCount)] }
}

extension RunPlan.Output {
  fileprivate var json: JSONValue {
    [
      "format": .string(format), "folder": folder.map(JSONValue.string) ?? .null,
      "files": .array(files.map(\.json)), "bytes": JSONValue(byteCount),
      "tensor_bytes": JSONValue(tensorByteCount), "bits_per_weight": JSONValue(bitsPerWeight),
      "bits_per_parameter": JSONValue(bitsPerParameter),
      "bits_per_parameter_without_embeddings": JSONValue(bitsPerParameterWithoutEmbeddings),
      "tensor_parallel_sizes": .array(tensorParallelSizes.map { JSONValue($0) }),
      "runtimes": .array(runtimes.map(\.json)),
    ]
  }
}

extension MemoryEstimate {
  fileprivate var json: JSONValue {
    [
      "bytes": JSONValue(byteCount), "process": JSONValue(process), "block": JSONValue(block),
      "tuning": JSONValue(tuning), "streams": JSONValue(streams), "mapped": JSONValue(mapped),
    ]
  }
}

extension TimeEstimate {
  fileprivate var json: JSONValue {
    [
      "seconds": JSONValue(seconds), "block_seconds": JSONValue(blockSeconds),
      "blocks": JSONValue(blockCount), "other_seconds": JSONValue(otherSeconds),
      "measuring_seconds": JSONValue(measuringSeconds),
      "processor_share": JSONValue(processorShare),
    ]
  }
}
