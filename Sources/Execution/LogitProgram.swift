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

  /// - Parameters:
  ///   - tokens: At most those of ``tokenLimit(vocabularySize:)``.
  ///   - other: The end of a model with the same weights, which are then in memory once.
  package init(
    _ model: ReadableModel, tokens: Int, device: any Device, weightsOf other: LogitProgram? = nil
  ) throws {
    var end = model.description.end.found(in: model.source)
    end.logits = .float32
    block = try BlockProgram(
      end, activations: model.description.endActivations, batch: 1, tokens: tokens,
      device: device, training: .nothing, weights: other?.block.program.parameters)
    // A head can be a large part of a model.
    if other == nil { try block.load("", from: model.source, inPlace: true) }
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

  /// Tokens of the pieces that samples are halved into until the logits of one take 64 MiB at most, if they can be cut so far.
  package static func halvedTokens(
    of tokens: Int, vocabularySize: Int, on device: any Device
  ) -> Int {
    var tokens = tokens
    let rowByteCount = vocabularySize * device.compute.byteCount
    while tokens.isMultiple(of: 2), tokens * rowByteCount > 64 << 20 { tokens /= 2 }
    return tokens
  }

  /// Tokens of the pieces that the predictions of a window are made in: of all but its last token, in pieces of one size.
  package static func pieceTokens(window: Int, vocabularySize: Int) -> Int {
    let (count, limit) = (window - 1, tokenLimit(vocabularySize: vocabularySize))
    let pieces = max(1, (count + limit - 1) / limit)
    return max(1, (count + pieces - 1) / pieces)
  }

  /// Bytes that programs of a model's end take, and bytes of files that one is read from.
  ///
  /// - Parameters:
  ///   - programs: How many there are.
  ///   - madeCount: How many of them have a head that is made of a quantized one. The others have one in common, which is
  ///     read where it lies if it can be.
  package static func byteCount(
    _ model: SourceModel, tokens: Int, device: any Device, programs: Int, madeCount: Int
  ) -> (own: Int, mapped: Int) {
    var end = model.description.end.found(in: model.checkpoint)
    end.logits = .float32
    let all = BlockProgram.byteCount(
      end, batch: 1, tokens: tokens, device: device, training: .nothing)
    let table = end.head.outputs * end.head.inputs * device.compute.byteCount
    let stored = model.checkpoint.info(end.head.weight.tensor)
    // One that is made is in memory whatever its type is.
    let isInPlace =
      stored?.dtype == device.compute.dtype
      && !model.checkpoint.isMade(end.head.weight.tensor)
    let own = programs * max(0, all - table) + (madeCount + (isInPlace ? 0 : 1)) * table
    return (own, stored?.byteCount ?? 0)
  }

  /// Whether the ends of two models compute the same with the same numbers.
  package static func haveEqualWeights(_ a: ReadableModel, _ b: ReadableModel) throws -> Bool {
    guard !a.quantizesHead, !b.quantizesHead else { return false }
    let end = a.description.end.found(in: a.source)
    guard end == b.description.end.found(in: b.source) else { return false }
    return try end.parts.allSatisfy { part in
      let tensors = try [a.source, b.source].map {
        try part.stored.found(as: part.name, in: "", $0).read(part.shape, in: "", from: $0)
      }
      defer { for tensor in tensors { tensor.releasePages() } }
      return tensors[0] == tensors[1]
    }
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
