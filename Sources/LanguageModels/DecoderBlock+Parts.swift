import Compute

extension DecoderBlock {
  /// The tensors that the block reads, with names inside the block, found by recording it.
  package var parameterParts: [(name: String, shape: [Int])] {
    var recorder = ProgramRecorder(batch: 1, tokens: 1, compute: .float32)
    let input = recorder.input(columns: hiddenSize)
    _ = record(in: &recorder, input: input)
    return recorder.parameterShapes
  }
}
