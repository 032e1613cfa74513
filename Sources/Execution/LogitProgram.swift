import Checkpoints
package import Compute
import LanguageModels
import Recordings
import Tensors

/// The end of a model with its weights: logits in f32 of so many tokens at a time.
package struct LogitProgram {
  /// Tokens of one run.
  package let tokens: Int
  /// Logits of a token.
  package let columns: Int
  private let block: BlockProgram
  /// Where the processor reads logits that the device has in memory of its own.
  private let copy: DeviceRange?

  /// - Parameter tokens: At most those of ``tokenLimit(vocabularySize:)``.
  package init(_ model: ReadableModel, tokens: Int, device: any Device) throws {
    var end = model.description.end.found(in: model.source)
    end.logits = .float32
    block = try BlockProgram(
      end, activations: model.description.endActivations, batch: 1, tokens: tokens,
      device: device, training: .nothing)
    // A head can be a large part of a model.
    try block.load("", from: model.source, inPlace: true)
    self.tokens = tokens
    columns = block.outputColumns
    let byteCount = tokens * columns * MemoryLayout<Float>.stride
    copy =
      block.program.output.buffer.hostAddress == nil
      ? DeviceRange(HostBuffer(byteCount: byteCount)) : nil
  }

  /// The most tokens whose logits take 64 MiB, or as many as keep the product fast.
  package static func tokenLimit(vocabularySize: Int) -> Int {
    max(1, min(1024, (1 << 24) / vocabularySize))
  }

  /// Tokens of the pieces that the predictions of a window are made in: of all but its last token, in pieces of one size.
  package static func pieceTokens(window: Int, vocabularySize: Int) -> Int {
    let (count, limit) = (window - 1, tokenLimit(vocabularySize: vocabularySize))
    let pieces = max(1, (count + limit - 1) / limit)
    return max(1, (count + pieces - 1) / pieces)
  }

  /// Bytes that the program of a model's end takes without its table, where that is read in place, and bytes of files
  /// that it is read from.
  package static func byteCount(
    _ model: SourceModel, tokens: Int, device: any Device
  ) -> (own: Int, mapped: Int) {
    var end = model.description.end.found(in: model.checkpoint)
    end.logits = .float32
    let all = BlockProgram.byteCount(
      end, batch: 1, tokens: tokens, device: device, training: .nothing)
    guard let table = model.checkpoint.info(end.head.weight.tensor) else { return (all, 0) }
    let isInPlace = table.dtype == device.compute.dtype
    return (isInPlace ? max(0, all - table.byteCount) : all, table.byteCount)
  }

  /// The logits `[tokens, columns]` of the hidden states of neighbouring tokens, valid until the next call.
  package func logits(of hidden: DeviceRange) -> UnsafePointer<Float> {
    block.program[range: block.input].copy(from: hidden, byteCount: block.sequenceByteCount)
    block.program.forward()
    guard let copy else { return UnsafePointer(block.program.output.floats) }
    copy.copy(from: block.program.output, byteCount: copy.buffer.byteCount)
    return UnsafePointer(copy.floats)
  }
}
