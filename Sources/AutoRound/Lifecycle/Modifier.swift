/// A step of compression that a `Session` drives through a model, block by block.
///
/// The stages keep the names that LLM Compressor gives them. Each has a default that does nothing.
public protocol Modifier: AnyObject {
  /// Before any data is seen: decides which layers get which scheme.
  func initialize(_ state: SessionState) throws
  /// Calibration begins: the first block's inputs are known.
  func start(_ state: SessionState) throws
  /// The block's inputs and its outputs in full precision are known for all samples.
  func sequentialEpochEnd(_ block: CalibratedBlock, _ state: SessionState) throws
  /// All blocks are done, and the head is to be quantized.
  func headEpochEnd(_ head: CalibratedHead, _ state: SessionState) throws
  /// Calibration is over.
  func end(_ state: SessionState) throws
  /// The checkpoint is about to be completed.
  func finalize(_ state: SessionState) throws
}

extension Modifier {
  public func initialize(_ state: SessionState) throws {}
  public func start(_ state: SessionState) throws {}
  public func sequentialEpochEnd(_ block: CalibratedBlock, _ state: SessionState) throws {}
  public func headEpochEnd(_ head: CalibratedHead, _ state: SessionState) throws {}
  public func end(_ state: SessionState) throws {}
  public func finalize(_ state: SessionState) throws {}
}
