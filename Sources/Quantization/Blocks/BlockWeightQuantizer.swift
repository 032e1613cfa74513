package import CKernels
package import Diagnostics
package import Tensors
package import WeightBlocks

/// Tunes the rounding of a weight to blocks of GGUF whose scales and minimums are searched: k-quants, q4_1 and q5_1.
///
/// Scales and minimums are those with which rounding to nearest loses least, and stay; each weight has an offset `V`, and
///
/// ```
/// q = clamp(round((w + minimum) / scale + V));   y = scale * q - minimum
/// ```
///
/// with scales and minimums as blocks store them. The start, `V = 0`, is what the search gives. After AutoRound, which
/// tunes nothing else of such weights either.
package final class BlockWeightQuantizer: GroupQuantizer<ck_block_layer>, HostWeightQuantizer {
  /// Derived are scales, their reciprocals, and biases. There are no ranges.
  static let arrays = ParameterState.Arrays(ranges: 0, derived: 3, sums: 0)

  private let type: BlockType
  /// What sub-blocks have in common, of types where that is stored.
  private var superBlocks: [KQuantSuperBlock] = []

  /// Starts at the scales that lose least where nothing is known of the inputs.
  ///
  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type; f32 and bf16 are used in place.
  ///   - type: A type whose scales are searched; columns are whole blocks of it.
  /// - Throws: As `KQuantizedWeight.init` does.
  package init(
    weight: Tensor, arguments: QuantizationArguments, type: BlockType, isTuned: Bool = true
  ) throws(InputError) {
    precondition(arguments.blocks == type)
    let state = try ParameterState(
      weight: weight, arguments: arguments, arrays: Self.arrays, isTuned: isTuned)
    let (grouping, parameters, derived) = (state.grouping, state.parameterCount, state.derived)
    let least = Float(-type.zeroPoint)
    let layer = ck_block_layer(
      weight: state.weight.withUnsafeBytes(\.baseAddress), columns: grouping.columns,
      group_size: grouping.groupSize, groups: grouping.groups, weight_type: state.weightType,
      low: least, high: least + Float((1 << type.bitCount) - 1), offsets: state.offsets.layer,
      scale: derived, inverse: derived + parameters, bias: derived + 2 * parameters)
    self.type = type
    super.init(state, layer, Self.kernels, arguments: arguments, scaleDType: .float32)
    hasSearchedScales = true
    try search(importance: nil)
  }

  private static var kernels: QuantizerKernels<ck_block_layer> {
    QuantizerKernels(
      scales: { _, _, _ in }, quantize: ck_block_quantize, codes: ck_block_codes,
      meaning: { layer in
        // Codes count from the least one.
        CodeMeaning(
          format: nil, scale: { layer.scale[$0] }, zero: { _ in -layer.low },
          bias: { layer.bias[$0] })
      },
      update: { layer, gradient, rate, _, _, begin, end in
        ck_block_update(layer, gradient, rate, begin, end)
      },
      gradients: { layer, gradient, values, _, _, begin, end in
        ck_block_gradients(layer, gradient, values, begin, end)
      },
      rangeGradients: { _, _, _, _, _, _, _ in })
  }

  package func searchScales(importance: [Float]?) {
    precondition(importance.map { $0.count == columns } ?? true, "one importance for each column")
    // Inputs that are not finite make the loss so, which ends a run.
    guard let importance, importance.allSatisfy({ $0.isFinite && $0 >= 0 }) else { return }
    do {
      try search(importance: importance)
    } catch {
      preconditionFailure("a weight that was searched before: \(error)")
    }
  }

  /// Takes the scales with which rounding loses least, a few million elements at a time.
  private func search(importance: [Float]?) throws(InputError) {
    superBlocks = []
    for range in RowPieces.ranges(of: rows, rowSize: columns, limit: 1 << 22) {
      do throws(InputError) {
        try search(range, importance)
      } catch {
        throw range.lowerBound == 0 ? error : error.below("rows from \(range.lowerBound)")
      }
    }
    let (scales, inverses) = (state.derived, state.derived + parameterCount)
    for parameter in 0..<parameterCount {
      inverses[parameter] = scales[parameter].reciprocalOrZero
    }
  }

  private func search(_ range: Range<Int>, _ importance: [Float]?) throws(InputError) {
    let piece = state.weight.slice(range)
    let (scales, biases): ([Float], [Float]?)
    switch type {
    case .superBlocks(let type):
      let found = try KQuantizedWeight(piece, type: type, importance: importance)
      superBlocks += found.superBlocks
      (scales, biases) = (found.scales, found.minimums?.map { -$0 })
    case .scaleBlocks(let type):
      let found = try ScaleBlockWeight(piece, type: type, importance: importance)
      (scales, biases) = (found.scales, found.minimums)
    }
    let first = range.lowerBound * grouping.groups
    (state.derived + first).update(from: scales, count: scales.count)
    let bias = state.derived + 2 * parameterCount + first
    for index in scales.indices { bias[index] = biases?[index] ?? -0.0 }
  }

  package func finished() throws(InputError) -> QuantizedWeight {
    let scales = try state.requireStorable(layer.scale, in: .float16)
    return QuantizedWeight(
      arguments: arguments, grouping: grouping, codes: codes(), scales: scales,
      biases: type.isAsymmetric ? state.parameters(layer.bias) : nil,
      superBlocks: superBlocks.isEmpty ? nil : superBlocks, scaleDType: .float32)
  }
}
