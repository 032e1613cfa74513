import Diagnostics
import Quantization
import QuantizedCheckpoints
import Tensors

/// The scales of groups in f16, `[G, O]`, or in f32 where they are that. Other programs have written bf16 too.
///
/// A scale in bf16 that tuning gives is at least 1e-5, and f16 holds it exactly up to 65504; ``requireHolds(_:)``
/// refuses others.
struct ColumnScales: LayerPart {
  let name = "scales"
  let holdsScales = true

  func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
    let dtypes: [DType] =
      layer.scaleDType.map { [Self.dtype(ofScales: $0)] } ?? [.float16, .bfloat16, .float32]
    return (dtypes, [layer.grouping.groups, layer.grouping.rows])
  }

  private static func dtype(ofScales dtype: DType) -> DType {
    dtype == .float32 ? .float32 : .float16
  }

  func requireHolds(_ weight: QuantizedWeight) throws(InputError) {
    guard Self.dtype(ofScales: weight.scaleDType) == .float16 else { return }
    let stored = tensor(of: weight).transposed().floats()
    if let (scale, _) = zip(weight.scales, stored).first(where: { $0 != $1 }) {
      throw InputError(.unsupported, "a scale is \(scale), which f16 does not hold exactly")
    }
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    Tensor(weight.scales, shape: weight.grouping.parameterShape).transposed()
      .converted(to: Self.dtype(ofScales: weight.scaleDType))
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError) {
    layer.scales = Tensor(try tensor.finiteFloats(), shape: tensor.shape).transposed().floats()
    layer.scaleDType = tensor.dtype
  }
}

/// The zero points of groups in i32, whole words for the outputs of a group: `[G, ceil(O*b / 32)]`.
///
/// Symmetric weights have them too, each the middle of the range. Where one is taken away, there is no place for a zero
/// point of 0.
struct ColumnZeroPoints: LayerPart {
  let name = "qzeros"
  /// What is taken away from a zero point before it is stored, modulo `2^b`.
  let offset: UInt8
  /// Whether words are those of AWQ's kernels.
  let isInterleaved: Bool

  func kind(_ layer: LayerOutline) throws(InputError) -> (dtypes: [DType], shape: [Int]) {
    let (rows, groups) = (layer.grouping.rows, layer.grouping.groups)
    let words =
      isInterleaved
      ? try Interleaving.wordCount(rows)
      : try CodePacking.wordCount(rows, bitCount: layer.arguments.bitCount)
    return ([.int32], [groups, words])
  }

  func requireHolds(_ weight: QuantizedWeight) throws(InputError) {
    guard let zeroPoints = weight.zeroPoints, zeroPoints.contains(where: { $0 < offset }) else {
      return
    }
    throw InputError(
      .unsupported,
      "a zero point is 0, expected at least 1: one is taken away from those that are stored")
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    let bitCount = weight.arguments.bitCount
    let zeroPoints =
      weight.zeroPoints
      ?? Array(repeating: UInt8(1 << (bitCount - 1)), count: weight.scales.count)
    let mask = UInt8(truncatingIfNeeded: 1 << bitCount - 1)
    let stored = Tensor(
      bytes: zeroPoints.map { ($0 &- offset) & mask }, shape: weight.grouping.parameterShape,
      dtype: .uint8
    ).transposed()
    return isInterleaved
      ? Interleaving.pack(stored) : CodePacking.pack(stored, bitCount: bitCount, into: .int32)
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError) {
    let (arguments, grouping) = (layer.outline.arguments, layer.outline.grouping)
    let bitCount = arguments.bitCount
    let stored =
      isInterleaved
      ? Interleaving.unpack(tensor)
      : CodePacking.unpack(tensor, columns: grouping.rows, bitCount: bitCount)
    let numbers = stored.transposed().elements(as: UInt8.self)
    // The stored number of a zero point of 0 is that of 2^b, where one is taken away: loaders add it to whole words.
    let greatest = (1 << bitCount) - 1
    guard !numbers.contains(where: { Int($0) + Int(offset) > greatest }) else {
      throw InputError(
        .malformed, "a zero point is \(greatest + 1), expected at most \(greatest)")
    }
    let zeroPoints = numbers.map { $0 + offset }
    guard arguments.isSymmetric else {
      layer.zeroPoints = zeroPoints
      return
    }
    let middle = UInt8(1 << (bitCount - 1))
    if let other = zeroPoints.first(where: { $0 != middle }) {
      throw InputError(
        .malformed, "a zero point is \(other), expected \(middle) for symmetric weights")
    }
  }
}

/// The group of each column, i32 `[I]`. Columns are in their own order.
struct ColumnGroups: LayerPart {
  let name = "g_idx"
  let isRecord = true

  func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
    ([.int32], [layer.grouping.columns])
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    let groups = (0..<weight.grouping.columns).map { Int32($0 / weight.grouping.groupSize) }
    return Tensor(groups, shape: [groups.count], dtype: .int32)
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError) {
    let size = layer.outline.grouping.groupSize
    let groups = tensor.elements(as: Int32.self)
    guard groups.indices.allSatisfy({ groups[$0] == $0 / size }) else {
      throw InputError(
        .unsupported, "columns are in groups in another order than their own (desc_act)")
    }
  }
}
