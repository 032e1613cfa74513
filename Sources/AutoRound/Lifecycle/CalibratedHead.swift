import Calibration
import Compute
package import Execution
package import LanguageModels
import Quantization

/// The head of a model whose blocks are done, with what it reads for every calibration sample.
///
/// It is computed in pieces of samples: tokens do not depend on each other here, and the logits of a whole
/// sample can be large.
public final class CalibratedHead {
  /// Position after the last block.
  public let index: Int
  /// The module's name, such as `lm_head`.
  public let name: String
  /// The program of the head that is quantized, with its full-precision weight.
  package let program: BlockProgram
  /// The logits in full precision.
  package let targets: HeadTargets
  /// The last block's outputs in the model as it is quantized.
  package let inputs: ActivationCache
  /// The squares of the head's inputs in full precision; nil unless a modifier asked for them.
  package let inputSquares: [Float]?
  /// Pieces of a sample.
  package let pieces: Int

  /// The logits of a piece are no more than this, if samples can be cut so far.
  private static let byteLimit = 64 << 20

  /// Tokens of a piece.
  static func pieceTokenCount(_ state: SessionState) -> Int {
    var tokens = state.calibration.sequenceLength
    let rowByteCount = state.model.description.vocabularySize * state.device.compute.byteCount
    while tokens.isMultiple(of: 2), tokens * rowByteCount > byteLimit { tokens /= 2 }
    return tokens
  }

  /// - Parameter originals: The last block's outputs in full precision.
  init(index: Int, originals: ActivationCache, _ state: SessionState) throws {
    let description = state.model.description
    self.index = index
    name = description.headModule
    let tokens = Self.pieceTokenCount(state)
    pieces = state.calibration.sequenceLength / tokens

    program = try BlockProgram(
      description.end, activations: state.endActivations, batch: 1, tokens: tokens,
      device: state.device, training: state.training, gradientPrecision: state.gradientPrecision)
    try program.load("", from: state.model.checkpoint, hasScales: false)
    let original = try BlockProgram(
      description.end, batch: 1, tokens: tokens, device: state.device, training: .nothing)
    try original.load("", from: state.model.checkpoint)
    let originals = originals.cut(into: pieces)
    targets = HeadTargets(original, inputs: originals)
    inputs = state.quantizedStream?.cut(into: pieces) ?? originals

    guard state.wantsInputSquares else {
      inputSquares = nil
      return
    }
    let squares = InputSquares()
    original.program.inputSquares = squares
    BlockRunner(original).forEachBatch(of: originals) { _, _ in }
    original.program.inputSquares = nil
    inputSquares = original.program.parameterParts.first(where: \.isMatrix).flatMap {
      squares[$0.parameter]
    }
  }
}

extension ActivationCache {
  /// The same hidden states as shorter samples, `pieces` for each.
  fileprivate func cut(into pieces: Int) -> ActivationCache {
    guard pieces > 1 else { return self }
    let size = sampleByteCount / pieces
    let result = ActivationCache(
      sampleCount: sampleCount * pieces, sampleByteCount: size, device: device)
    for sample in 0..<sampleCount {
      for piece in 0..<pieces {
        result[sample * pieces + piece].copy(
          from: self[sample] + piece * size, byteCount: size)
      }
    }
    return result
  }
}
