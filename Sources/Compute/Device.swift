package import Diagnostics
package import Recordings
package import Tensors

/// Where programs run: it makes kernels of recorded nodes, and owns the memory that they work on.
///
/// One thread at a time may use a device.
package protocol Device: AnyObject {
  /// What it is called in messages and reports.
  var name: String { get }
  /// What activations and weights are held as.
  var compute: ComputeType { get }

  /// Whether it can compute `node`; asked before anything is allocated.
  func supports(_ node: Node, in recording: Recording) -> Support
  /// Bytes of scratch memory that the kernel of `node` will need in each pass.
  func scratch(of node: Node, in recording: Recording) -> Scratch
  /// The prepared kernel of one step.
  func kernel(for step: Step) throws -> any Kernel

  /// Whether the kernel of `node` makes the parts of its matrices that it needs, so that they have no memory of
  /// their own.
  func makesMatrices(of node: Node) -> Bool

  /// Memory with undefined contents.
  func makeBuffer(byteCount: Int) -> any DeviceBuffer
  /// Memory with the elements of `tensor`, which nobody writes to: the tensor's own where the device can read it.
  func makeBuffer(of tensor: Tensor) -> any DeviceBuffer
  /// Memory whose bytes lie in the host's, which `owner` keeps, at all times: for streams that lie in a file.
  func makeBuffer(over memory: UnsafeMutableRawBufferPointer, owner: AnyObject) -> any DeviceBuffer
  /// What sequences keep is read in pieces of so many rows, also such as are not there yet.
  var rowsOfStatePiece: Int { get }

  /// The sum of `(y - target)^2` over `count` elements of the compute type; `gradient`, if given, gets
  /// `factor * (y - target)`.
  func squaredError(
    _ y: DeviceRange, target: DeviceRange, count: Int, gradient: DeviceRange?, factor: Float
  ) -> Double
  /// The sums of `(y - target)^2` over each row.
  func squaredErrors(
    _ y: DeviceRange, target: DeviceRange, rows: Int, columns: Int
  ) -> [Double]
  /// Makes the elements of `y` that differ most from their targets equal to them, one in a thousand and at least
  /// one, so that a few outliers do not decide for all.
  ///
  /// - Parameter parts: The parts of `y`, with the number of their elements.
  func suppressOutliers(in parts: [(y: DeviceRange, target: DeviceRange, count: Int)])
  /// Adds the squares of `x`, rows of the compute type `stride` elements apart, to a sum for each column.
  func addSquares(of x: DeviceRange, rows: Int, stride: Int, to sums: inout [Float])
  /// Multiplies each of `count` f32 sums by `kept`, or sets it to 0 if it is infinite or NaN, and adds `x`.
  func add(_ x: DeviceRange, to sum: DeviceRange, count: Int, keeping kept: Float)
}

/// Whether a device can compute something.
package enum Support: Hashable, Sendable {
  case yes
  /// No; the sentence says why, and what could be.
  case no(String)
}

extension Recording {
  /// - Throws: `unsupported` with the device's reason for the first node that it cannot compute.
  package func requireSupport(by device: any Device) throws(InputError) {
    for node in nodes {
      if case .no(let reason) = device.supports(node, in: self) {
        throw InputError(
          .unsupported, place: node.operation.name, "the device \(device.name): \(reason)")
      }
    }
  }
}

extension Device {
  package func makesMatrices(of node: Node) -> Bool { false }
}

/// Bytes of scratch memory in each pass.
package struct Scratch: Hashable, Sendable {
  package var forward = 0
  package var backward = 0

  package init(forward: Int = 0, backward: Int = 0) {
    self.forward = forward
    self.backward = backward
  }
}

/// How a device computes one step of a program: prepared once, when all shapes are known, and then run
/// thousands of times; where it trains, it allocates nothing while it runs.
package protocol Kernel {
  /// Computes the outputs from the inputs.
  func forward(in program: Program)
  /// Computes the gradients of inputs and parameters from the gradient of the result.
  func backward(in program: Program)
}

/// A node at its place in a program: what a device makes a kernel of.
package struct Step: Sendable {
  package let index: Int
  package let node: Node
  package let recording: Recording
  package let training: Program.Training
  /// How the gradient of each input comes about.
  package let gradientModes: [GradientMode]

  package var inputs: [Operand] { node.inputs }
  package var result: Value { node.result }
  package var parameters: [Parameter] { node.parameters }
  package var compute: ComputeType { recording.compute }
  /// Rows of the result.
  package var rows: Int { recording.rows(of: result) }
  package func columns(of value: Value) -> Int { recording.columns(of: value) }

  /// Whether the gradient of `parameter` is wanted.
  package func trains(_ parameter: Parameter) -> Bool {
    training.wants(recording.parameters[parameter.index])
  }
}

/// Memory of a device.
package protocol DeviceBuffer: AnyObject {
  var byteCount: Int { get }
  /// Where it lies in the processor's own memory; nil where the processor does not reach it.
  var hostAddress: UnsafeMutableRawPointer? { get }
  func upload(_ bytes: UnsafeRawBufferPointer, to offset: Int)
  func download(from offset: Int, into bytes: UnsafeMutableRawBufferPointer)
  /// Copies bytes of a buffer of the same device, or of the processor's memory.
  func copy(_ source: DeviceRange, to offset: Int, byteCount: Int)
  func clear(from offset: Int, byteCount: Int)
}

/// A place in a device's memory.
package struct DeviceRange {
  package let buffer: any DeviceBuffer
  /// Bytes from the buffer's start.
  package var offset: Int

  package init(_ buffer: any DeviceBuffer, offset: Int = 0) {
    self.buffer = buffer
    self.offset = offset
  }

  /// The place so many bytes further on.
  package static func + (range: DeviceRange, byteCount: Int) -> DeviceRange {
    DeviceRange(range.buffer, offset: range.offset + byteCount)
  }

  package func upload(_ bytes: UnsafeRawBufferPointer) { buffer.upload(bytes, to: offset) }

  package func download(into bytes: UnsafeMutableRawBufferPointer) {
    buffer.download(from: offset, into: bytes)
  }

  package func copy(from source: DeviceRange, byteCount: Int) {
    buffer.copy(source, to: offset, byteCount: byteCount)
  }

  /// Lets `body` read and change bytes in the processor's memory: these, or a copy that is put back.
  package func withHostMemory<Result, Failure: Error>(
    byteCount: Int, _ body: (UnsafeMutableRawPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if let base = buffer.hostAddress { return try body(base + offset) }
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    defer { copy.deallocate() }
    download(into: copy)
    defer { upload(UnsafeRawBufferPointer(copy)) }
    guard let base = copy.baseAddress else { preconditionFailure("no bytes to look at") }
    return try body(base)
  }

  /// The f32 number there.
  package var float: Float {
    get { withHostMemory(byteCount: 4) { $0.load(as: Float.self) } }
    nonmutating set { withUnsafeBytes(of: newValue) { upload($0) } }
  }

  package func clear(byteCount: Int) { buffer.clear(from: offset, byteCount: byteCount) }
}
