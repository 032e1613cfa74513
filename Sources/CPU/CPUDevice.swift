package import Compute
import Diagnostics
package import MatrixProducts
package import Recordings
package import Tensors

/// The processor: loops of `CKernels` and products of oneDNN, shared out over the ``ThreadTeam``.
package final class CPUDevice: Device {
  package let name = "cpu"
  package let compute: ComputeType
  private let engine: Engine
  private var products: [Key: MatrixProduct] = [:]

  private struct Key: Hashable {
    var shape: ProductShape
    var perThread: Bool
  }

  /// - Throws: `unsupported` for a type that this processor does not multiply.
  package init(compute: ComputeType) throws {
    guard compute.isAvailable else {
      throw InputError(
        .unsupported, source: OptionName.compute.description,
        "this processor has no \(compute.rawValue) products (AVX-512 BF16); expected f32 or auto")
    }
    self.compute = compute
    engine = try Engine()
  }

  package func supports(_ node: Node, in recording: Recording) -> Support {
    switch node.operation {
    case .rotary(let embedding) where embedding.headSize > RotaryKernel.greatestHeadSize:
      .no(
        "heads of \(embedding.headSize) channels; expected at most \(RotaryKernel.greatestHeadSize)"
      )
    default: .yes
    }
  }

  package func scratch(of node: Node, in recording: Recording) -> Scratch {
    switch node.operation {
    case .attention(let shape): AttentionKernel.scratch(shape, in: recording)
    case .convolution: ConvolutionKernel.scratch(of: node, in: recording)
    case .groupedLinear: GroupedLinearKernel.scratch(of: node, in: recording)
    case .keySelection(let selection): KeySelectionKernel.scratch(selection, in: recording)
    case .linear(let precision):
      WidenedLinearKernel.computes(node, in: recording)
        ? WidenedLinearKernel.scratch(of: node, in: recording)
        : LinearKernel.scratch(of: node, precision, in: recording)
    case .norm: NormKernel.scratch(of: node)
    case .quantization: QuantizationKernel.scratch(of: node, in: recording)
    case .rotary(let embedding): RotaryKernel.scratch(embedding)
    case .scaling: ScalingKernel.scratch(of: node, in: recording)
    case .scan(let scan): ScanKernel.scratch(scan, in: recording)
    default: Scratch()
    }
  }

  package func kernel(for step: Step) throws -> any Kernel {
    switch step.node.operation {
    case .addition: AdditionKernel(step: step)
    case .attention(let shape): try AttentionKernel(step, shape, device: self)
    case .combination: CombinationKernel(step: step)
    case .convolution(let convolution): ConvolutionKernel(step: step, convolution: convolution)
    case .dispatch: DispatchKernel(step: step)
    case .gate(let function): GateKernel(step: step, function: function)
    case .groupedLinear: try GroupedLinearKernel(step, device: self)
    case .juxtaposition: JuxtapositionKernel(step: step)
    case .keySelection(let selection): KeySelectionKernel(step: step, selection: selection)
    case .linear(let precision):
      WidenedLinearKernel.computes(step.node, in: step.recording)
        ? try WidenedLinearKernel(step, device: self)
        : try LinearKernel(step, precision, device: self)
    case .norm(let kind): NormKernel(step: step, kind: kind)
    case .quantization(let quantization): QuantizationKernel(step: step, quantization: quantization)
    case .rotary(let embedding): RotaryKernel(step: step, embedding: embedding)
    case .routing(let router): RoutingKernel(step: step, router: router)
    case .scaling(let isConstant): ScalingKernel(step: step, isConstant: isConstant)
    case .scan(let scan): ScanKernel(step: step, scan: scan)
    }
  }

  package func makesMatrices(of node: Node) -> Bool { node.operation == .groupedLinear }

  package func makeBuffer(byteCount: Int) -> any DeviceBuffer { HostBuffer(byteCount: byteCount) }

  package func makeBuffer(of tensor: Tensor) -> any DeviceBuffer { HostBuffer(tensor) }

  package func makeBuffer(
    over memory: UnsafeMutableRawBufferPointer, owner: AnyObject
  ) -> any DeviceBuffer { HostBuffer(memory, owner: owner) }

  package var rowsOfStatePiece: Int { AttentionTile.keysOfPiece }

  /// The product of this shape, prepared at the first call.
  ///
  /// - Parameter perThread: Whether the product is run as a whole by one thread inside a piece of the
  ///   team's work, rather than in pieces by the whole team.
  package func product(_ shape: ProductShape, perThread: Bool = false) throws -> MatrixProduct {
    let key = Key(shape: shape, perThread: perThread)
    if let product = products[key] { return product }
    let teamSize = ThreadTeam.size
    let product = try MatrixProduct(
      shape, engine: engine,
      grid: perThread ? ProductGrid(whole: shape) : ProductGrid(shape, members: teamSize),
      laneCount: teamSize)
    products[key] = product
    return product
  }
}
