public import JSONText
public import Tensors
package import WeightBlocks

/// How one kind of tensor, weights or activations, is quantized.
///
/// The fields are those of compressed-tensors; their names in files are `num_bits`, `type`,
/// `symmetric`, `group_size`, `strategy`, `block_structure`, `dynamic`, `actorder`, `scale_dtype`,
/// `zp_dtype`, `observer` and `observer_kwargs`.
public struct QuantizationArguments: Sendable, Equatable {
  /// The kind of number that values are rounded to.
  public enum NumberType: String, Sendable, CaseIterable {
    case int, float
  }

  /// Which elements share a scale.
  public enum Strategy: String, Sendable, CaseIterable {
    /// All elements.
    case tensor
    /// The elements of a row: one output feature.
    case channel
    /// ``QuantizationArguments/groupSize`` neighbours in a row.
    case group
    /// A rectangle of ``QuantizationArguments/blockStructure``.
    case block
    /// The activations of one token.
    case token
    /// Groups, whose scales share a scale of the tensor.
    case tensorGroup = "tensor_group"
    /// One attention head.
    case attentionHead = "attn_head"
  }

  /// When scales of activations are found.
  public enum Dynamic: Sendable, Equatable {
    /// Once, from calibration data.
    case none
    /// For each input.
    case all
    /// For each input within a scale of the tensor that is found once.
    case local
  }

  /// The order in which columns were put into groups.
  public enum ActivationOrdering: String, Sendable, CaseIterable {
    case group, weight, dynamic, `static`
  }

  /// Bits of a value.
  public var bitCount: Int
  /// The kind of number.
  public var type: NumberType
  /// Whether the values in use are centred at zero, without a zero point.
  public var isSymmetric: Bool
  /// Elements that share a scale; nil unless the strategy is ``Strategy/group`` or
  /// ``Strategy/tensorGroup``.
  public var groupSize: Int?
  /// Which elements share a scale.
  public var strategy: Strategy
  /// Rows and columns of a block; nil unless the strategy is ``Strategy/block``.
  public var blockStructure: [Int]?
  /// When scales of activations are found.
  public var dynamic: Dynamic
  /// The order in which columns were put into groups; nil for their own.
  public var activationOrder: ActivationOrdering?
  /// The type of scales; nil for the model's.
  public var scaleDType: DType?
  /// The type of zero points; nil for the format's.
  public var zeroPointDType: DType?
  /// The blocks of GGUF whose scales are searched rather than tuned; nil for all else, plain integers among them.
  package var blocks: BlockType?
  /// What scales are tuned in where that is not the type of the weight; nothing that configurations say.
  package var tunedScaleDType: DType?
  /// How ranges were observed: recorded in files. Without effect here, but for keys and values, whose range is
  /// that of all samples if this is `static_minmax`, and else a moving average.
  public var observer: String?
  /// Settings of the observer: recorded in files, without effect here.
  public var observerArguments: [JSONValue.Member]

  /// Arguments without checks; files and recipes go through ``init(_:path:)``.
  public init(
    bitCount: Int, type: NumberType = .int, isSymmetric: Bool = true, strategy: Strategy,
    groupSize: Int? = nil, blockStructure: [Int]? = nil, dynamic: Dynamic = .none,
    activationOrder: ActivationOrdering? = nil, scaleDType: DType? = nil,
    zeroPointDType: DType? = nil,
    observer: String? = nil, observerArguments: [JSONValue.Member] = []
  ) {
    self.bitCount = bitCount
    self.type = type
    self.isSymmetric = isSymmetric
    self.groupSize = groupSize
    self.strategy = strategy
    self.blockStructure = blockStructure
    self.dynamic = dynamic
    self.activationOrder = activationOrder
    self.scaleDType = scaleDType
    self.zeroPointDType = zeroPointDType
    self.observer = observer
    self.observerArguments = observerArguments
  }

  /// The kind of number in short, such as `4-bit int`.
  package var summary: String { "\(bitCount)-bit \(type.rawValue)" }
}
