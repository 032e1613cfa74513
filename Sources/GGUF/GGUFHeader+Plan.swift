package import Checkpoints

extension GGUFHeader {
  /// The file as a checkpoint's writer takes it: known to the byte before any tensor is written.
  ///
  /// Tensors have their names in the file; those of blocks are bytes, `[…, rows, bytes of a row]`, so that a stack of
  /// experts can be written slice by slice. The file ends with the zeros after its last tensor, as llama.cpp reads it.
  package func shard(fileName: String) -> CheckpointPlan.Shard {
    let encoded = encoded
    return CheckpointPlan.Shard(
      fileName: fileName, encodedHeader: encoded,
      entries: entries.map {
        CheckpointPlan.Shard.Entry(
          info: $0.info.stored,
          byteRange: encoded.count + $0.offsets.lowerBound..<encoded.count + $0.offsets.upperBound)
      },
      byteCount: encoded.count + dataByteCount)
  }
}
